#pragma once
///@file
/// What the programs share.

#include <string>

namespace nix {

std::string replBanner();
std::string manPage(const std::string & name);

}
