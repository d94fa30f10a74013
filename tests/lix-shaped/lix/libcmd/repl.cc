#include "libcmd/repl.hh"

#include "libstore/globals.hh"
#include "placeholders.gen.hh"

namespace nix {

// Through the other library's variable, and through its accessor: one record answers both.
std::string replBanner()
{
    return "Lix " + nixVersion + (placeholders::is_specialized() ? "" : " (unspecialized)");
}

std::string manPage(const std::string & name)
{
    return std::string(placeholders::man_dir()) + "/man1/" + name + ".1.gz";
}

}
