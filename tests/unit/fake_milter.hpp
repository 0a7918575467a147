// A libmilter of the tests' own, in place of the system's: it calls what was registered as the real
// one does, from any thread, and keeps what a callback asked of it.
#pragma once

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include <map>
#include <string>
#include <vector>

// libmilter's name of a connection.
struct smfi_str {
  std::map<std::string, std::string> macros;
  void* data = nullptr;
  std::map<int, std::string> asked;  // macros by stage
  std::vector<std::string> calls;    // `setreply 451 4.7.4 text`, `insheader 0 Name:value`
};

namespace mxw::fake_milter {

struct Library {
  smfiDesc filter{};
  std::string socket;
  int backlog = 0, timeout = 0;
  std::size_t packet_bytes = 0xffff;  // of the MTA: one header and its name
  bool takes_replies = true;
};
Library& library();

}  // namespace mxw::fake_milter
