#include <app/values.gen.hh>

#include <iostream>
#include <string>

std::string banner();

int main()
{
    std::cout << banner() << " in " << app::data_dir() << '\n';
}
