#include "libstore/globals.hh"

#include <cstdlib>

#include "libutil/strings.hh"
#include "placeholders.gen.hh"

namespace nix {

// Read before main: the values are constants of the file, whatever the order of initialisation is.
Settings settings;
const std::string nixVersion{placeholders::version()};

static std::string fromEnvironment(const char * variable, std::string_view otherwise)
{
    const char * value = std::getenv(variable);
    return canonPath(value ? std::string_view(value) : otherwise);
}

Settings::Settings()
    : nixPrefix(canonPath(placeholders::prefix()))
    , nixBinDir(fromEnvironment("NIX_BIN_DIR", placeholders::bin_dir()))
    , nixDataDir(fromEnvironment("NIX_DATA_DIR", placeholders::data_dir()))
    , nixManDir(canonPath(placeholders::man_dir()))
    , libexecDir(fromEnvironment("NIX_LIBEXEC_DIR", placeholders::libexec_dir()))
{
    for (const auto path : placeholders::builtin_dep_closure())
        builtinBuilderSandboxPaths.emplace(path);
    builtinBuilderSandboxPaths.insert(nixPrefix);
}

#if LIX_WITH_RUST
extern "C" const char * lix_rs_version();
extern "C" std::size_t lix_rs_closure(std::size_t & bytes);

std::string rustReport()
{
    std::size_t bytes = 0;
    const std::size_t count = lix_rs_closure(bytes);
    return std::string(lix_rs_version()) + " " + std::to_string(count) + " paths of " + std::to_string(bytes) + " bytes";
}
#else
std::string rustReport()
{
    return "no Rust";
}
#endif

}
