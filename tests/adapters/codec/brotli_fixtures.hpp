// Brotli bodies made once with the reference encoder, because only its decoder is linked.
#pragma once

#include <string>
#include <string_view>

namespace tollgate::codec::fixtures {

/// sample_text() by brotli, quality 11, window 22.
inline constexpr std::string_view kBrotliText =
    "1b4108781c07764c3662be13d86523547a29f0426d2ed5a35b9b3e18444119cc9993a40d1468d8f92939615e08f914"
    "e2"
    "0960c1c33748056b5ec0b92c53d851d40564285276b9ccf3479e91fe7cf38dd0f2f36c5589f7791eff3a8c610df763"
    "04"
    "a6f109567164171b7e4d135ad2296e6ad2dac1dbfa5038a835a305bcaacde29b3a34bea92f8b57f10a756770b00b9f"
    "d3"
    "db1a4e4e5a37f5496b499d09";

/// 1 GiB of zeros.
inline constexpr std::string_view kBrotliBomb =
    "cbffff3f002400e2b14072effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f0012007158"
    "00"
    "baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001"
    "10"
    "8705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f"
    "00"
    "1200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffe"
    "ff"
    "ff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bd"
    "ff"
    "e3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c"
    "00"
    "ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff009000"
    "88"
    "c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f"
    "00"
    "0980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fff"
    "ff"
    "ff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8de"
    "ff"
    "f1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c16"
    "80"
    "eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800"
    "c4"
    "6101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff07"
    "80"
    "04401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fff"
    "ff"
    "7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074ef"
    "ff"
    "f8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b"
    "40"
    "f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400"
    "e2"
    "b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff03"
    "40"
    "02200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ff"
    "ff"
    "3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf7"
    "7f"
    "fcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff012001108705"
    "a0"
    "7bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ffff1f001200"
    "71"
    "5800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb3ffeffff01"
    "20"
    "01108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302d0bdffe3ff"
    "ff"
    "1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980382c00ddfb"
    "3f"
    "feffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00900088c302"
    "d0"
    "bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ffff0f000980"
    "38"
    "2c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd1fffffff00"
    "90"
    "0088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101e8defff1ff"
    "ff"
    "0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff078004401c1680eefd"
    "1f"
    "ffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f004800c46101"
    "e8"
    "defff1ffff0f000980382c00ddfb3ffeffff012001108705a07bffc7ffff3f002400e2b00074effff8ffff07800440"
    "1c"
    "1680eefd1fffffff00900088c302d0bdffe3ffff1f001200715800baf77ffcffff034002200e0b40f7fe8fffff7f00"
    "48"
    "00c46101e8defff1ffff0f000980382c00ddfbbffcffff032001108705a07bff07";

/// sample_text() by gzip, then brotli.
inline constexpr std::string_view kGzipThenBrotliText =
    "0b65801f8b08000000000002039d94d10dc2300c44ff99c203f051a74e9a30008310825a11b5a2a582e1f86331c408"
    "79"
    "039cce673f5f9de622dd499e6391c73ee5bb5cd6e535cb6d791fe55a56d9f238975a8b9cf73c6ef2fd1cea5fa2ed12"
    "6b"
    "9724305868d738dfaee9818f813c01ac2d82eb68472870c4c98c9c95b090080c8406e7895304997a670456f2af8408"
    "33"
    "e2144126efc0f6fc00ee14081181380d24d340b617c99d12212205d4460473edc847a992e755d413ea4825698fdacf"
    "50"
    "d1fac64eff01dae737994208000003";

[[nodiscard]] inline std::string from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    }
    return bytes;
}

[[nodiscard]] inline std::string sample_text() {
    std::string text;
    for (int i = 0; i < 40; ++i) {
        text += "line " + std::to_string(i * i) +
                ": the quick brown fox, der schnelle Fuchs \xc3\xbc\n";
    }
    return text;
}

}  // namespace tollgate::codec::fixtures
