// One program of many names. `--version` is for people; `report` prints whatever can be asked, one
// item a line, and starts the helper.
#include <dlfcn.h>

#include <cstring>

#include "libcmd/repl.hh"
#include "libstore/globals.hh"
#include "placeholders.gen.hh"

using namespace nix;

// The program reads the library's record as well, before main.
static const bool isRelease = placeholders::version().find("-dev") == std::string_view::npos;

static std::string_view baseName(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

static int printPlugin(const char * path)
{
#if LIX_STATIC
    std::fprintf(stderr, "a static program has no plugins: %s\n", path);
    return 1;
#else
    void * plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const auto greet = reinterpret_cast<const char * (*)()>(dlsym(plugin, "greet"));
    std::printf("plugin=%s\n", greet());
    return 0;
#endif
}

static int report()
{
    const auto print = [](const char * name, const std::string & value) {
        std::printf("%s=%s\n", name, value.c_str());
    };
    print("version", nixVersion);
    print("release", isRelease ? "yes" : "no");
    print("specialized", placeholders::is_specialized() ? "yes" : "no");
    print("protocol", protocolId);
    print("agent", userAgent);
    print("banner", replBanner());
    print("prefix", settings.nixPrefix);
    print("bin", settings.nixBinDir);
    print("data", settings.nixDataDir);
    print("man", manPage("nix"));
    print("libexec", settings.libexecDir);
    for (const auto & path : settings.builtinBuilderSandboxPaths)
        print("sandbox", path);
    print("rust", rustReport());
    std::fflush(stdout);
    return launchBuilder("--build");
}

int main(int argc, char ** argv)
{
    const std::string name(baseName(argv[0]));
    if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
        std::printf("%s (Lix, like Nix) %s\n", name.c_str(), nixVersion.c_str());
        return 0;
    }
    if (argc == 2 && std::strcmp(argv[1], "report") == 0)
        return report();
    if (argc == 3 && std::strcmp(argv[1], "plugin") == 0)
        return printPlugin(argv[2]);
    std::fprintf(stderr, "usage: %s --version | report | plugin FILE\n", name.c_str());
    return 2;
}
