    *end = '\0';
    ::@HOOK@("@SECTION@", at.name, sentence);
