// A library that knows its version and where it is installed, though it was compiled before either
// was decided.
#include "lix.gen.hh"

#include <string>

// The value is read while the library is loaded, before main.
extern const std::string banner;
const std::string banner = "nix (Lix, like Nix) " + std::string(nix::placeholders::version());
