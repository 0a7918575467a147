"""All cases. What each promises stands in README.md."""
import cases_defer
import cases_macros_postfix
import cases_macros_sendmail
import cases_mail
import cases_never
import cases_others
import cases_replies
import cases_trouble


def every_case():
    """The long ones first, so that they run beside the many short ones."""
    return [*cases_trouble.CASES, *cases_defer.CASES, *cases_never.CASES, *cases_mail.CASES,
            *cases_others.CASES, *cases_replies.CASES, *cases_macros_postfix.CASES, *cases_macros_sendmail.CASES]
