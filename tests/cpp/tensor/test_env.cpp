#include "tensor/env.h"
#include "tensor/support.h"
#include "tensor/tape.h"

using namespace ranvier;
using namespace ranvier::test;

TEST_CASE("without an environment, storage answers and every assignment is a new version") {
  const VariableRef v = variable("v", 1);
  const uint64_t version = v->version();
  const Tensor old = v->read();
  v->assign(scalar(2));
  CHECK(number(v->read()) == 2);
  CHECK(number(old) == 1);  // a value that was read stays what it was
  CHECK(v->version() == version + 1);
}

TEST_CASE("an assignment of another shape or dtype is refused and changes nothing") {
  const VariableRef v = variable("weights", 1);
  const std::string shape =
      message_of<ShapeError>([&] { v->assign(Tensor::full(DType::F32, {2}, 0)); });
  CHECK(contains(shape, "'weights'"));
  CHECK(contains(shape, "(2,)"));
  const std::string dtype =
      message_of<DTypeError>([&] { v->assign(Tensor::full(DType::F64, {}, 0)); });
  CHECK(contains(dtype, "float64"));
  StatelessEnv env;
  const EnvGuard guard(&env);
  CHECK_THROWS_AS(v->assign(Tensor::full(DType::F32, {2}, 0)), ShapeError);
  CHECK(env.written().empty());
  CHECK(number(v->storage()) == 1);
}

TEST_CASE("a stateless environment answers with what was set, keeps writes, spares the storage") {
  const VariableRef a = variable("a", 1), b = variable("b", 2);
  StatelessEnv env;
  env.set(*a, scalar(10));
  {
    const EnvGuard guard(&env);
    CHECK(number(a->read()) == 10);
    CHECK(number(b->read()) == 2);
    b->assign(scalar(20));
    b->assign(scalar(30));
    CHECK(number(b->read()) == 30);
  }
  CHECK(number(a->read()) == 1);
  CHECK(number(b->read()) == 2);
  REQUIRE(env.written().size() == 1);  // set() is no write; two writes are one, with the last value
  CHECK(env.written()[0].first == b);
  CHECK(number(env.written()[0].second) == 30);
}

TEST_CASE("reads that fall through are not kept: the outer value may change meanwhile") {
  const VariableRef v = variable("v", 1);
  StatelessEnv env;
  const EnvGuard guard(&env);
  CHECK(number(v->read()) == 1);
  {
    const EnvGuard suspended(nullptr);
    v->assign(scalar(5));
  }
  CHECK(number(v->read()) == 5);
}

TEST_CASE("the innermost environment that knows a variable answers") {
  const VariableRef v = variable("v", 1);
  StatelessEnv outer, inner;
  const EnvGuard first(&outer);
  v->assign(scalar(2));
  {
    const EnvGuard second(&inner);
    CHECK(current_env() == &inner);
    CHECK(inner.enclosing_env() == &outer);
    CHECK(number(v->read()) == 2);
    v->assign(scalar(3));
    CHECK(number(v->read()) == 3);
  }
  CHECK(current_env() == &outer);
  CHECK(number(v->read()) == 2);
  CHECK(number(inner.written()[0].second) == 3);
}

TEST_CASE("the stack can be suspended, as for initial values of new variables") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = make_ref<Trace>();
  const EnvGuard guard(trace.get());
  CHECK(v->read().is_symbol());
  {
    const EnvGuard suspended(nullptr);
    CHECK(current_trace() == nullptr);
    CHECK_FALSE(v->read().is_symbol());
    CHECK(number(ops::add(v->read(), scalar(1))) == 2);
  }
  CHECK(current_trace() == trace.get());
}

TEST_CASE("a stateless environment inside a trace keeps symbols from the trace's writes") {
  const VariableRef v = variable("v", 1);
  StatelessEnv env;
  const TraceRef trace = trace_of({}, [&](TensorSpan) {
    const EnvGuard guard(&env);
    v->assign(ops::shift(v->read(), 1));
    return Tensors{v->read()};
  });
  CHECK(trace->written().empty());
  REQUIRE(env.written().size() == 1);
  CHECK(env.written()[0].second.is_symbol());
  REQUIRE(trace->inputs().size() == 1);
  CHECK(trace->inputs()[0].kind == TraceInput::Kind::Variable);
}

TEST_CASE("a trace inside a stateless environment reads its values when it is called") {
  const VariableRef v = variable("v", 1);
  const TraceRef trace = trace_of({}, [&](TensorSpan) {
    v->assign(ops::scale(v->read(), 3));
    return Tensors{v->read()};
  });
  CHECK(number(v->storage()) == 1);  // tracing computes nothing
  StatelessEnv env;
  env.set(*v, scalar(5));
  const TraceRef user = trace_of({}, [&](TensorSpan) {
    const EnvGuard guard(&env);
    return call(*trace, {});
  });
  CHECK(user->inputs().empty());  // the environment answered with a constant
  CHECK(number(replay(*user, {})[0]) == 15);
  REQUIRE(env.written().size() == 1);
  CHECK(number(v->storage()) == 1);
}
