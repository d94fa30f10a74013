// A plugin: it is opened at run time and reads the library's record.
#include "libstore/globals.hh"
#include "placeholders.gen.hh"

#if LIX_MAJOR < 2
#error "the plugin needs Lix 2"
#endif

namespace {
const std::string greeting = "hello from a plugin for " + std::string(nix::placeholders::version());
}

extern "C" __attribute__((visibility("default"))) const char * greet()
{
    return greeting.c_str();
}
