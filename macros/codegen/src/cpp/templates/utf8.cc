// Whether bytes are UTF-8: table 3-7 of the Unicode Standard.
bool is_utf8(const unsigned char *at, const unsigned char *const end) noexcept
{
    while (at != end) {
        const unsigned char first = *at++;
        if (first < 0x80)
            continue;
        const std::ptrdiff_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        // The limits of the second byte leave out what has a shorter form, surrogates, and what is behind U+10FFFF.
        const int least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        const int most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (first < 0xc2 || first > 0xf4 || end - at < more || *at < least || *at > most)
            return false;
        const unsigned char *const next = at + more;
        while (++at != next) {
            if ((*at & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

