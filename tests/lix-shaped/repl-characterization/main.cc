// A test that compares what a program prints, in which the version is not to matter. It linked one
// small library and took the version from config.h; now it includes the header of old names, and links
// the library that has the record.
#include <cstdio>
#include <memory>

#include "libutil/strings.hh"
#include "old-names.gen.hh"

static std::string printedBy(const std::string & command)
{
    std::string printed;
    const std::unique_ptr<FILE, int (*)(FILE *)> pipe(popen(command.c_str(), "r"), pclose);
    for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;)
        printed += static_cast<char>(c);
    return printed;
}

int main(int argc, char ** argv)
{
    // The folder of the programs is this test's own definition, as no record names the build folder.
    const std::string nix = argc > 1 ? argv[1] : NIX_BIN_DIR "/nix";
    const std::string printed = nix::replaceAll(printedBy(nix + " --version"), PACKAGE_VERSION, "$VERSION");
    std::printf("%s", printed.c_str());
    return printed == "nix (Lix, like Nix) $VERSION\n" ? 0 : 1;
}
