// Policies that come from an operator and not from the net: `mxwarden policy import`, and
// `mxwarden-policyd --import DIR` while policyd is stopped (a new machine, a store that was lost).
// They are judged as what is fetched is, and looked up again as soon as policyd can.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/store/policy_store.hpp"

namespace mxw::policyd {

struct ImportText {
  std::string domain;  // lower-case A-label
  std::string id;      // of the TXT record, empty: not known
  std::string body;    // as served
  Time fetched_at;
};

enum class Imported : std::uint8_t {
  stored,
  ran_out,  // its time is over: left out
  older,    // what the store has was fetched later: left out
};
[[nodiscard]] std::string_view name(Imported result);

// `who` is the detail of the event. Error: usage (no policy: the reason and its line; fetched in
// the future), environment (the store).
[[nodiscard]] Result<Imported> import_text(const ImportText& text, store::PolicyStore& store,
                                           Time now, const std::string& who);

// What the store keeps of an import.
[[nodiscard]] rows::EventRow imported_event(const std::string& domain, Time now,
                                            const std::string& who);

// Whether `caller` may import into the stopped policyd's folder: only its owner, since files of
// another user, root too, would keep policyd from starting. Error: usage (another user: says how to
// become the owner), environment (no such folder).
[[nodiscard]] Result<void> may_import(const std::string& folder, uid_t caller);

struct ImportCount {
  std::size_t stored = 0, ran_out = 0, older = 0;
};

// A directory as core/policy/policy_dir.hpp reads it. A policy without dates counts as fetched now.
// Error: as above, and usage for the directory; nothing was stored then, else some may be.
[[nodiscard]] Result<ImportCount> import_dir(const std::string& dir, store::PolicyStore& store,
                                             Time now, const std::string& who);

}  // namespace mxw::policyd
