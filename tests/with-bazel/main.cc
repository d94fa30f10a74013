#include "app.gen.hh"

#include <iostream>

int main() { std::cout << app::version() << " in " << app::prefix() << "\n"; }
