#include "greeter.gen.hh"

#include <iostream>

extern "C" void greet()
{
    for (const std::string_view name : greeter::names())
        std::cout << "C++: " << greeter::greeting() << ", " << name << std::endl;
}
