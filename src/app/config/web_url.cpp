#include "app/config/web_url.h"

#include <algorithm>

namespace app {
namespace {

bool begins(std::string_view url, std::string_view with) {
  const auto same = [](char there, char wanted) {
    return (there >= 'A' && there <= 'Z' ? static_cast<char>(there + ('a' - 'A')) : there) == wanted;
  };
  return url.size() >= with.size() && std::ranges::equal(url.substr(0, with.size()), with, same);
}

}  // namespace

bool is_web_url(std::string_view url) {
  return begins(url, "http://") || is_secure(url);
}

bool is_secure(std::string_view url) {
  return begins(url, "https://");
}

}  // namespace app
