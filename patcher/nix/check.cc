#include "shown.hh"

#include <iostream>

int main() { std::cout << shown::version() << "\n"; }
