// Scanner: the operator directory as last read, and what changed in it since. One thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/operator/small_file.hpp"
#include "core/operator/state.hpp"

namespace mxw::operators {

class Scanner {
 public:
  // At most `checks` known files are asked for their times where the directory is as it was.
  Scanner(std::string dir, std::size_t checks) : dir_(std::move(dir)), checks_(checks) {}

  // Reads what is another since the last call. True when the state is another.
  bool scan(Time now);
  [[nodiscard]] std::shared_ptr<const OperatorState> state() const { return state_; }

 private:
  struct Entry {
    Stamp stamp;
    bool recent = true;      // the stamp may hide a change: read again whatever it says
    std::uint64_t seen = 0;  // listing
    std::shared_ptr<const DomainBrake> brake;  // nullptr: without effect, `note` says why
    std::string note = "not read yet";
  };
  using Entries = std::map<std::string, Entry, std::less<>>;  // by domain

  void nothing_there();
  void scan_enforcement(int directory, Time now, Time taken);
  void scan_domains(int directory, Time now, Time taken);
  void list(int domains, Time now, Time taken);
  void take_name(int domains, std::string_view file, Time now, Time taken);
  void check_some(int domains, Time now, Time taken);
  [[nodiscard]] bool check(int domains, const std::string& domain, Entry& entry, Time now,
                           Time taken);
  void forget_domains();
  void set_trouble(bool folder, std::string note);
  [[nodiscard]] std::shared_ptr<const OperatorState> compile() const;

  const std::string dir_;
  const std::size_t checks_;

  Stamp enforcement_stamp_;
  bool enforcement_recent_ = true;
  Enforcement enforcement_;

  Stamp domains_stamp_;
  bool domains_recent_ = true;
  Entries entries_;
  std::uint64_t listing_ = 0;
  std::string next_;                     // where the rotation of checks goes on
  std::vector<std::string> name_notes_;  // of files whose name is no domain's, of the last listing
  std::size_t bad_names_ = 0, over_limit_ = 0;
  std::string trouble_;
  bool folder_trouble_ = false;  // it is of the whole folder, else of that of the domains

  bool changed_ = true;
  std::shared_ptr<const OperatorState> state_ = std::make_shared<const OperatorState>();
};

}  // namespace mxw::operators
