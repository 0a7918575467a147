"""All cases. What each promises stands in README.md."""
import cases_macros_postfix
import cases_macros_sendmail
import cases_replies


def every_case():
    return [*cases_macros_postfix.CASES, *cases_macros_sendmail.CASES, *cases_replies.CASES]
