#include "tool.gen.hh"

#include <string>

std::string tool_name()
{
    return std::string(tool::name());
}
