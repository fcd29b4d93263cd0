#include "base/error.h"

namespace ranvier {

void check_failed(const char* condition, const char* file, int line) {
  fail<InternalError>("ranvier: internal check failed: ", condition, " (", file, ":", line,
                      "). Hint: this is a bug of ranvier; please report it with this message.");
}

}  // namespace ranvier
