#include "base/env.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace ranvier {

std::optional<std::string> env(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::optional<int64_t> env_int(const char* name, int64_t low, int64_t high) {
  const auto text = env(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || value < low || value > high)
    fail<ValueError>(name, ": not usable. Expected an integer from ", low, " to ", high,
                     ". Received: '", *text, "'. Hint: unset it to use the default.");
  return value;
}

std::optional<std::string> env_choice(const char* name,
                                      std::initializer_list<std::string_view> choices) {
  auto value = env(name);
  if (!value || std::find(choices.begin(), choices.end(), *value) != choices.end()) return value;
  std::string known;
  for (const std::string_view choice : choices)
    known.append(known.empty() ? "" : ", ").append(choice);
  fail<ValueError>(name, ": not usable. Expected one of: ", known, ". Received: '", *value,
                   "'. Hint: unset it to use the default.");
}

namespace {
std::atomic<bool>& exact_flag() {
  static std::atomic<bool> flag{env_int("RANVIER_EXACT", 0, 1).value_or(0) == 1};
  return flag;
}
}  // namespace

bool exact_mode() { return exact_flag().load(std::memory_order_relaxed); }
void set_exact_mode(bool on) { exact_flag().store(on, std::memory_order_relaxed); }

}  // namespace ranvier
