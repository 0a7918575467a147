"""All cases. What each promises stands in README.md."""
import cases_ask
import cases_dane
import cases_delivery
import cases_operator
import cases_rights
import cases_start
import cases_tool
import cases_trouble as trouble
from case import Case
from cases_trouble import DNS_OUT, WEB_OUT

BOTH = ("mxwarden-policyd", "mxwarden-map")
TOOL = (*BOTH, "mxwarden")
SENSOR = (*TOOL, "mxwarden-sensor")

# The one table of what waits for programs: they are there, or the case is not run.
TROUBLE = [
    Case("trouble/large-cache", cases_start.large_cache, TOOL),
    Case("trouble/map-kill-loop", trouble.map_kill_loop),
    Case("trouble/sendmail-map-kill-observe", trouble.sendmail_kill_observed),
    Case("trouble/sendmail-map-kill-enforce", trouble.sendmail_kill_enforced),
    Case("trouble/map-hangs", trouble.map_stopped_watchdog),
    Case("trouble/policyd-stopped", trouble.policyd_stopped, BOTH),
    Case("trouble/sendmail-policyd-stopped", trouble.sendmail_policyd_stopped, BOTH),
    Case("trouble/policyd-kill-loop", trouble.policyd_kill_loop, BOTH),
    Case("trouble/disk-full", trouble.disk_full, BOTH),
    Case("trouble/store-corrupt", trouble.store_corrupt, BOTH),
    Case("trouble/store-missing", trouble.store_missing, BOTH),
    Case("trouble/cache-unreadable", trouble.cache_unreadable, BOTH),
    Case("trouble/owner-absent", trouble.owner_absent, BOTH),
    Case("trouble/dns-down", trouble.out_of_reach(DNS_OUT), BOTH),
    Case("trouble/policy-host-down", trouble.out_of_reach(WEB_OUT), BOTH),
    Case("trouble/both-down", trouble.out_of_reach(DNS_OUT, WEB_OUT), BOTH),
    Case("trouble/full-from-start", cases_start.full_from_the_start, BOTH),
    Case("trouble/bad-settings", cases_start.bad_settings, BOTH),
    Case("trouble/brief-policy", trouble.brief_policy, BOTH),
    Case("operator/brakes", cases_operator.domain_brakes, TOOL),
    Case("operator/enforcement", cases_operator.enforcement, TOOL),
    Case("operator/without-store", cases_operator.without_store, TOOL),
    Case("dane/none", cases_dane.none, BOTH),
    Case("dane/dane", cases_dane.dane, BOTH),
    Case("dane/dane-only", cases_dane.dane_only, BOTH),
    Case("ask/names", cases_ask.names, BOTH),
    Case("ask/failures", cases_ask.failures, BOTH),
    Case("tool/pages", cases_tool.pages, TOOL),
    Case("tool/files", cases_tool.files, SENSOR),
    Case("tool/impact", cases_tool.impact, TOOL),
    Case("tool/metrics", cases_tool.metrics, TOOL),
    Case("tool/strangers", cases_tool.strangers, TOOL),
    Case("tool/sensor-feed", cases_tool.sensor_feed, SENSOR),
    Case("rights/stores-closed", cases_rights.stores_closed, BOTH),
    Case("rights/hostile-readers", cases_rights.hostile_readers, BOTH),
    Case("rights/strangers", cases_rights.strangers_at_the_feed, BOTH),
    Case("rights/ask", cases_rights.strangers_at_the_ask_socket, BOTH),
]


def every_case():
    """The long ones first, so that they run beside the many short ones."""
    return TROUBLE + list(cases_delivery.cases())
