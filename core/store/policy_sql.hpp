// The SQL of policyd's store: its schema, one reader per row type, and the writes that transactions
// are made of. Private to core/store; shared by the parts of SqlitePolicyStore.
#pragma once

#include <string>

#include "core/store/policy_store.hpp"
#include "core/store/sqlite.hpp"
#include "core/store/transaction.hpp"

namespace mxw::store::sql {

[[nodiscard]] const Schema& policy_schema();

// `SELECT all columns FROM table `, to be followed by a WHERE; and the reader of such a row.
extern const std::string kSelectDomain, kSelectPolicy, kSelectRoute, kSelectTlsa, kSelectEvent,
    kSelectDeletion, kSelectTlsrpt, kSelectReread, kSelectFailure;
[[nodiscard]] DomainRow read_domain(Statement& row);
[[nodiscard]] PolicyRow read_policy(Statement& row);
[[nodiscard]] RouteRow read_route(Statement& row);
[[nodiscard]] TlsaRow read_tlsa(Statement& row);
[[nodiscard]] EventRow read_event(Statement& row);
[[nodiscard]] Deletion read_deletion(Statement& row);
[[nodiscard]] TlsrptRow read_tlsrpt(Statement& row);
[[nodiscard]] RereadRow read_reread(Statement& row);
[[nodiscard]] PolicyFailureRow read_failure(Statement& row);

[[nodiscard]] Result<std::optional<DomainRow>> find_domain(Database& database, Key name);
[[nodiscard]] Result<std::optional<PolicyRow>> find_policy(Database& database, Key domain);

// One more than the last; the change that takes it belongs to the same transaction.
[[nodiscard]] Sequence next_sequence(Database& database, Transaction& transaction);

// Writes the row under a new sequence number, or only its last_asked where nothing else is new.
void write_domain(Database& database, Transaction& transaction, const DomainRow& row);
// Of the closed policies of a domain the newest kClosedOfDomain stay.
void trim_history(Transaction& transaction, Key domain);
void write_event(Database& database, Transaction& transaction, const EventRow& event);
void write_deletion(Database& database, Transaction& transaction, Table table, Key gone);

}  // namespace mxw::store::sql
