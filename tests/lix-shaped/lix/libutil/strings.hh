#pragma once
///@file
/// What all libraries share. This one is linked before the library that has the record, and cannot read it.

#include <string>
#include <string_view>

namespace nix {

std::string canonPath(std::string_view path);

/// Each `from` in `text` becomes `to`.
std::string replaceAll(std::string text, std::string_view from, std::string_view to);

}
