#include <iostream>
#include <string>

std::string tool_name();

int main()
{
    std::cout << tool_name() << '\n';
}
