#include "map/answer.hpp"

namespace mxw::map {

std::string_view name(Word word) {
  switch (word) {
    case Word::notfound:
      return "notfound";
    case Word::secure:
      return "secure";
    case Word::encrypt:
      return "encrypt";
    case Word::dane:
      return "dane";
    case Word::dane_only:
      return "dane-only";
  }
  return "notfound";
}

std::string_view name(Basis basis) {
  switch (basis) {
    case Basis::pin:
      return "pin";
    case Basis::dane:
      return "dane";
    case Basis::sts:
      return "sts";
    case Basis::testing:
      return "testing";
    case Basis::mode_none:
      return "mode_none";
    case Basis::none:
      return "none";
    case Basis::expired:
      return "expired";
    case Basis::unknown:
      return "unknown";
    case Basis::host_mismatch:
      return "host_mismatch";
    case Basis::unmatchable:
      return "unmatchable";
    case Basis::key:
      return "key";
    case Basis::map:
      return "map";
  }
  return "unknown";
}

std::string_view name(Held held) {
  switch (held) {
    case Held::nothing:
      return "nothing";
    case Held::off:
      return "off";
    case Held::bypass:
      return "bypass";
    case Held::report_only:
      return "report_only";
    case Held::observe:
      return "observe";
  }
  return "nothing";
}

}  // namespace mxw::map
