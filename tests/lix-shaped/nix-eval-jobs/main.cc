// Reads what the library knows, through the library and through the header that it installs.
#include <cstdio>

#include "libcmd/repl.hh"
#include "libstore/globals.hh"
#include "placeholders.gen.hh"

int main()
{
    std::printf("banner=%s\n", nix::replBanner().c_str());
    std::printf("data=%s\n", nix::settings.nixDataDir.c_str());
    std::printf("accessor=%s\n", nix::placeholders::version().data());
    // The helper writes to the same place.
    std::fflush(stdout);
    return nix::launchBuilder("--eval");
}
