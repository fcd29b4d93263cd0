#include <doctest/doctest.h>

#include <utility>

#include "base/ref.h"

using namespace ranvier;

namespace {
struct Counted : RefCounted {
  explicit Counted(int* alive) : alive(alive) { ++*alive; }
  ~Counted() { --*alive; }
  int* alive;
};
}  // namespace

TEST_CASE("an object lives as long as its last handle") {
  int alive = 0;
  {
    Ref<Counted> a = make_ref<Counted>(&alive);
    CHECK(a->use_count() == 1);
    Ref<Counted> b = a;
    CHECK(a->use_count() == 2);
    Ref<Counted> c = std::move(a);
    CHECK_FALSE(a);
    CHECK(c->use_count() == 2);
    b = nullptr;
    CHECK(c->use_count() == 1);
    c = *&c;  // assignment to itself
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}
