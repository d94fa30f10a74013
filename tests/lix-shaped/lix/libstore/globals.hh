#pragma once
///@file
/// What the whole program knows of itself.

#include <set>
#include <string>

namespace nix {

/// Where things are. Most can be set by the environment too.
struct Settings
{
    std::string nixPrefix;
    std::string nixBinDir;
    std::string nixDataDir;
    std::string nixManDir;
    std::string libexecDir;
    std::set<std::string> builtinBuilderSandboxPaths;

    Settings();
};

extern Settings settings;
extern const std::string nixVersion;

/// What a daemon says of itself: clients compare it.
extern const std::string protocolId;
/// The user agent, concatenated in an initialiser.
extern const std::string userAgent;

/// The version, and how many paths the closure has, as the part written in Rust reads them.
std::string rustReport();

/// Starts the helper of this name in a child that shares this program's memory, and waits for it.
/// Returns its exit code.
int launchBuilder(const char * argument);

}
