mxw_test(mail_test SOURCES mail_test.cpp DEPS mxw_mail)
