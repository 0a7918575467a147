#include "tests/unit/fake_milter.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace {

std::mutex mutex;
std::condition_variable changed;
bool stopped = false;

std::string text(const char* value) {
  return value == nullptr ? "(null)" : value;
}

}  // namespace

namespace mxw::fake_milter {

Library& library() {
  static Library the;
  return the;
}

}  // namespace mxw::fake_milter

using mxw::fake_milter::library;

extern "C" {

int smfi_register(struct smfiDesc filter) {
  library().filter = filter;
  return MI_SUCCESS;
}
int smfi_setconn(char* socket) {
  library().socket = socket;
  return library().socket.find(':') == std::string::npos ? MI_FAILURE : MI_SUCCESS;
}
int smfi_setbacklog(int backlog) {
  library().backlog = backlog;
  return MI_SUCCESS;
}
int smfi_settimeout(int timeout) {
  library().timeout = timeout;
  return MI_SUCCESS;
}
std::size_t smfi_setmaxdatasize(std::size_t bytes) {
  return std::exchange(library().packet_bytes, bytes);
}
int smfi_opensocket(bool) {
  return MI_SUCCESS;
}
int smfi_main() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return stopped; });
  stopped = false;
  return MI_SUCCESS;
}
int smfi_stop() {
  const std::scoped_lock lock(mutex);
  stopped = true;
  changed.notify_all();
  return MI_SUCCESS;
}

char* smfi_getsymval(SMFICTX* context, char* name) {
  const auto found = context->macros.find(name);
  return found == context->macros.end() ? nullptr : found->second.data();
}
int smfi_setpriv(SMFICTX* context, void* data) {
  context->data = data;
  return MI_SUCCESS;
}
void* smfi_getpriv(SMFICTX* context) {
  return context->data;
}
int smfi_setsymlist(SMFICTX* context, int stage, char* macros) {
  context->asked[stage] = macros;
  return MI_SUCCESS;
}
int smfi_setreply(SMFICTX* context, char* code, char* enhanced, char* words) {
  context->calls.push_back("setreply " + text(code) + ' ' + text(enhanced) + ' ' + text(words));
  return library().takes_replies ? MI_SUCCESS : MI_FAILURE;
}
int smfi_chgheader(SMFICTX* context, char* name, int index, char* value) {
  context->calls.push_back("chgheader " + std::to_string(index) + ' ' + text(name) + ':' +
                           text(value));
  return MI_SUCCESS;
}
int smfi_insheader(SMFICTX* context, int index, char* name, char* value) {
  context->calls.push_back("insheader " + std::to_string(index) + ' ' + text(name) + ':' +
                           text(value));
  return MI_SUCCESS;
}
int smfi_quarantine(SMFICTX* context, char* reason) {
  context->calls.push_back("quarantine " + text(reason));
  return MI_SUCCESS;
}

}  // extern "C"
