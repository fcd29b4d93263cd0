// The table of primitives as a whole.

#include <set>

#include "harness.h"

using namespace ranvier;

TEST_CASE("every record is complete and found by its name") {
  std::set<std::string> names;
  for (const OpRecord* record : all_ops()) {
    CAPTURE(record->name);
    CHECK(names.insert(record->name).second);
    CHECK(find_op(record->name) == record);
    CHECK(bool(record->infer));
    CHECK(bool(record->vjp));
    CHECK((record->prepare[0] != nullptr) != record->traits.alias);
  }
  CHECK(names.size() > 130);
  CHECK(find_op("no_such_op") == nullptr);
}
