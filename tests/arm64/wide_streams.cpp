// GoogleTest includes <iostream>, whose std::wcout takes a facet as it is made that toolchain/sysroot leaves out of
// every locale: a locale with that facet, before libc++ makes its streams (at priority 100).
#include <cwchar>
#include <locale>

[[gnu::constructor(50)]] static void give_wide_streams_their_facet() {
    using Facet = std::codecvt<wchar_t, char, std::mbstate_t>;
    static const std::locale with_it{std::locale::classic(), new Facet{1}};
    std::locale::global(with_it);
}
