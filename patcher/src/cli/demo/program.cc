// A program that asks the library.
#include "lix.gen.hh"

#include <cstdio>
#include <string>

extern const std::string banner;

int main()
{
    namespace lix = nix::placeholders;
    std::printf("%s\n", banner.c_str());
    std::printf("  prefix       %s\n", lix::prefix().data());
    std::printf("  programs     %s\n", lix::bin_dir().data());
    std::printf("  manual pages %s\n", lix::man_dir().data());
    for (const auto path : lix::builtin_dep_closure())
        std::printf("  in sandboxes %s\n", path.data());
    std::printf("  specialized  %s\n", lix::is_specialized() ? "yes" : "no");
}
