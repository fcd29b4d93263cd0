#pragma once
// Where in the user's code something was made: "layer path (file:line)". Set by layers and by the
// binding while they trace; lives as long as nodes and programs that name it.

#include <string>
#include <utility>

#include "base/ref.h"

namespace ranvier {

struct SiteText : RefCounted {
  explicit SiteText(std::string where) : text(std::move(where)) {}
  const std::string text;
};
using Site = Ref<const SiteText>;  // null: unknown

Site make_site(std::string text);  // null for an empty text
const std::string& site_text(const Site& site);

const Site& current_site();  // of this thread
void set_current_site(Site site);

class SiteScope {
 public:
  explicit SiteScope(Site site) : previous_(current_site()) { set_current_site(std::move(site)); }
  ~SiteScope() { set_current_site(std::move(previous_)); }
  SiteScope(const SiteScope&) = delete;
  SiteScope& operator=(const SiteScope&) = delete;

 private:
  Site previous_;
};

}  // namespace ranvier
