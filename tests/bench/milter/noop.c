// A milter that does nothing, on the libmilter of the system: what libmilter and the MTA's side
// cost. It has the callbacks of mxwarden-milter and asks for the same steps, so that the same
// packets come.
//
// usage: mxw-bench-milter-noop SOCKET
#include <libmilter/mfapi.h>
#include <stdio.h>

static sfsistat on_connect(SMFICTX* context, char* name, _SOCK_ADDR* address) {
  (void)context, (void)name, (void)address;
  return SMFIS_CONTINUE;
}
static sfsistat on_helo(SMFICTX* context, char* name) {
  (void)context, (void)name;
  return SMFIS_NOREPLY;
}
static sfsistat on_mail(SMFICTX* context, char** arguments) {
  (void)context, (void)arguments;
  return SMFIS_NOREPLY;
}
static sfsistat on_rcpt(SMFICTX* context, char** arguments) {
  (void)context, (void)arguments;
  return SMFIS_CONTINUE;
}
static sfsistat on_header(SMFICTX* context, char* name, char* value) {
  (void)context, (void)name, (void)value;
  return SMFIS_NOREPLY;
}
static sfsistat on_data(SMFICTX* context) {
  (void)context;
  return SMFIS_NOREPLY;
}
static sfsistat on_end(SMFICTX* context) {
  (void)context;
  return SMFIS_CONTINUE;
}
static sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps,
                             unsigned long f2, unsigned long f3, unsigned long* wanted_actions,
                             unsigned long* wanted_steps, unsigned long* w2, unsigned long* w3) {
  (void)context, (void)f2, (void)f3;
  *wanted_actions = actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE);
  *wanted_steps = steps & (SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | SMFIP_NR_HELO |
                           SMFIP_NR_MAIL | SMFIP_NR_DATA | SMFIP_NR_HDR | SMFIP_NR_EOH);
  *w2 = *w3 = 0;
  return SMFIS_CONTINUE;
}

int main(int argc, char** argv) {
  struct smfiDesc description = {0};
  description.xxfi_name = "noop";
  description.xxfi_version = SMFI_VERSION;
  description.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE;
  description.xxfi_connect = on_connect;
  description.xxfi_helo = on_helo;
  description.xxfi_envfrom = on_mail;
  description.xxfi_envrcpt = on_rcpt;
  description.xxfi_header = on_header;
  description.xxfi_data = on_data;
  description.xxfi_eoh = on_data;
  description.xxfi_eom = on_end;
  description.xxfi_abort = on_end;
  description.xxfi_close = on_end;
  description.xxfi_negotiate = on_negotiate;
  if (argc != 2 || smfi_setconn(argv[1]) != MI_SUCCESS ||
      smfi_register(description) != MI_SUCCESS || smfi_setbacklog(4096) != MI_SUCCESS ||
      smfi_opensocket(1) != MI_SUCCESS) {
    fprintf(stderr, "usage: mxw-bench-milter-noop SOCKET\n");
    return 2;
  }
  return smfi_main();
}
