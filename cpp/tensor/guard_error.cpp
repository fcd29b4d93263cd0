#include "tensor/guard_error.h"

#include <bit>

#include "base/error.h"
#include "ops/host_call.h"
#include "tensor/trace.h"

namespace ranvier {

void throw_guard(const kernels::GuardReport& report, const char* op, const Attrs& attrs,
                 const Site& site) {
  const std::string subject = attrs.has("subject") ? attrs.text("subject") : "value";
  const std::string where = site ? " In " + site_text(site) + "." : "";
  if (static_cast<kernels::GuardCode>(report.code) == kernels::GuardCode::OutOfRange)
    fail<IndexError>(op, ": ", subject, " out of range. Expected ", attrs.integer("low", 0),
                     " <= ", subject, " < ", attrs.integer("high", 0), ". Received: ", report.value,
                     " at flat position ", report.index, ".", where, " No variable was changed.");
  if (report.code == ops::kHostFailed)
    fail<ValueError>(subject, ": ", ops::host_error(), where, " No variable was changed.");
  fail<ValueError>(
      op, ": ", subject,
      " is not finite. Received: ", std::bit_cast<float>(static_cast<uint32_t>(report.value)),
      " at flat position ", report.index, ".", where,
      " No variable was changed. Hint: lower the learning rate, clip gradients, or look for "
      "NaN in the data.");
}

}  // namespace ranvier
