#include "tensor/site.h"

namespace ranvier {
namespace {

thread_local Site t_site;

}  // namespace

const Site& current_site() { return t_site; }
void set_current_site(Site site) { t_site = std::move(site); }

Site make_site(std::string text) {
  return text.empty() ? Site() : Site(new SiteText(std::move(text)));
}

const std::string& site_text(const Site& site) {
  static const std::string none;
  return site ? site->text : none;
}

}  // namespace ranvier
