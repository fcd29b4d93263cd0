#include "tensor/attrs.h"
#include "tensor/support.h"

using namespace ranvier;
using namespace ranvier::test;

namespace {

struct TextPayload : AttrPayload {
  explicit TextPayload(std::string text) : text(std::move(text)) {}
  std::string str() const override { return text; }
  std::string text;
};

}  // namespace

TEST_CASE("attributes are sorted by name, whatever the order in which they were set") {
  const Attrs a{{"keepdims", true}, {"axis", int64_t{1}}};
  Attrs b;
  b.set("axis", int64_t{2}).set("keepdims", true).set("axis", int64_t{1});
  CHECK(a == b);
  CHECK(a.hash() == b.hash());
  CHECK(a.str() == "{axis=1, keepdims=true}");
  CHECK(Attrs().str() == "");
  CHECK(Attrs().empty());
}

TEST_CASE("every kind of attribute is read back and printed") {
  const Attrs a{
      {"b", false},      {"d", DType::BF16}, {"f", Floats{0.5, 2}},     {"i", Ints{1, -2}},
      {"n", int64_t{7}}, {"r", 0.25},        {"s", std::string("same")}};
  CHECK(a.flag("b") == false);
  CHECK(a.dtype("d") == DType::BF16);
  CHECK(a.floats("f") == Floats{0.5, 2});
  CHECK(a.ints("i") == Ints{1, -2});
  CHECK(a.integer("n") == 7);
  CHECK(a.real("r") == 0.25);
  CHECK(a.real("n") == 7.0);  // an integer is a real number
  CHECK(a.text("s") == "same");
  CHECK(a.str() == "{b=false, d=bfloat16, f=(0.5, 2), i=(1, -2), n=7, r=0.25, s=\"same\"}");
}

TEST_CASE("a default answers for a name that is missing, never for another type") {
  const Attrs a{{"axis", int64_t{3}}};
  CHECK(a.integer("axis", -1) == 3);
  CHECK(a.integer("other", -1) == -1);
  CHECK(a.real("other", 0.5) == 0.5);
  CHECK(a.flag("other", true));
  CHECK_THROWS_AS(a.flag("axis", true), InternalError);
  CHECK_THROWS_AS(a.integer("other"), InternalError);
  CHECK(contains(message_of<InternalError>([&] { a.ints("axis"); }), "'axis'"));
}

TEST_CASE("attributes of another type, value or name differ") {
  const Attrs one{{"x", int64_t{1}}};
  CHECK_FALSE(one == Attrs{{"x", true}});
  CHECK_FALSE(one == Attrs{{"x", 1.0}});
  CHECK_FALSE(one == Attrs{{"x", int64_t{2}}});
  CHECK_FALSE(one == Attrs{{"y", int64_t{1}}});
  CHECK_FALSE(one == Attrs{});
  CHECK(Attrs{{"x", Ints{1, 2}}}.hash() != Attrs{{"x", Ints{2, 1}}}.hash());
}

TEST_CASE("payloads are equal by their text, bodies by identity") {
  const Attrs a{{"p", Payload(new TextPayload("add r0 r1"))}};
  const Attrs b{{"p", Payload(new TextPayload("add r0 r1"))}};
  const Attrs c{{"p", Payload(new TextPayload("mul r0 r1"))}};
  CHECK(a == b);
  CHECK(a.hash() == b.hash());
  CHECK_FALSE(a == c);
  const Fn identity = [](TensorSpan x) { return Tensors{x[0]}; };
  const Body first = trace_of({f32_spec()}, identity), second = trace_of({f32_spec()}, identity);
  CHECK(Attrs{{"body", first}} == Attrs{{"body", first}});
  CHECK_FALSE(Attrs{{"body", first}} == Attrs{{"body", second}});
  CHECK(Attrs{{"body", first}}.str() == "{body=body[0 nodes]}");
}
