#include "libutil/strings.hh"

#include <cstdio>
#include <cstdlib>

namespace nix {

std::string canonPath(std::string_view path)
{
    if (path.empty() || path.front() != '/') {
        std::fprintf(stderr, "not an absolute path: '%s'\n", std::string(path).c_str());
        std::abort();
    }
    return std::string(path);
}

std::string replaceAll(std::string text, std::string_view from, std::string_view to)
{
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

}
