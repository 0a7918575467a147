# How reports leave and how their bounces come back.
mxw_library(mxw_reportd_delivery
  SOURCES
    delivery.cpp
    https_post.cpp
    ledger.cpp
    lmtp.cpp
    lmtp_dialogue.cpp
    return_path.cpp
    rua.cpp
    smtp_client.cpp
    suppression.cpp
  DEPS mxw_base mxw_mail mxw_policy mxw_store mxw_ipc mxw_https)
