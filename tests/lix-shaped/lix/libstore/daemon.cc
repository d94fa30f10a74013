#include "libstore/globals.hh"

#include "placeholders.gen.hh"

namespace nix {

// Each in an initialiser of its own: neither waits for `nixVersion`, which another file defines.
const std::string protocolId = std::string("lix/legacy/").append(placeholders::version());
const std::string userAgent = std::string("curl Lix/").append(placeholders::version()) + " " SYSTEM;

}
