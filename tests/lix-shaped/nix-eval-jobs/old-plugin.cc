// A plugin that knows the version by its old name. `config.h` no longer has it: one line brings it back.
#include <string>

#include "old-names.gen.hh"

namespace {
const std::string greeting = std::string("hello from an old plugin for ") + PACKAGE_VERSION;
}

extern "C" __attribute__((visibility("default"))) const char * greet()
{
    return greeting.c_str();
}
