-- miltertest: the milter as shipped, without a mail server. Run with -D socket=SOCKET.
local conn = mt.connect(socket, 40, 0.05)
if conn == nil then error("no connection") end
local function goes_on(what, code)
  if code ~= nil then error(what) end
  local reply = mt.getreply(conn)
  if reply ~= SMFIR_CONTINUE and reply ~= SMFIR_ACCEPT then error(what .. " was answered " .. string.char(reply)) end
end
mt.macro(conn, SMFIC_CONNECT, "j", "mx1.example.org", "{daemon_name}", "mx1.example.org")
if mt.conninfo(conn, "stranger.example.net", "203.0.113.11") ~= nil then error("connection") end
mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384",
         "{cipher_bits}", "256")
if mt.helo(conn, "stranger.example.net") ~= nil then error("helo") end
mt.macro(conn, SMFIC_MAIL, "i", "4ABC")
-- No mail server of the lab offers REQUIRETLS (RFC 8689): only here does a milter see it.
if mt.mailfrom(conn, "<a@example.net>", "REQUIRETLS") ~= nil then error("mail") end
mt.macro(conn, SMFIC_RCPT, "{rcpt_mailer}", "virtual", "{rcpt_host}", "example.org", "{rcpt_addr}", "box@example.org")
goes_on("recipient", mt.rcptto(conn, "<box@example.org>"))
if mt.data(conn) ~= nil then error("data") end
if mt.header(conn, "Authentication-Results", "mx1.example.org; x-tls=pass") ~= nil then error("header") end
if mt.header(conn, "Subject", "x") ~= nil then error("header") end
goes_on("end", mt.eom(conn))
if not mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results") then error("no header") end
if not mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results") then error("the forged header is left") end
mt.disconnect(conn)
