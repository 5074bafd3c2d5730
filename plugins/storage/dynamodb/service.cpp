#include "service.hpp"

namespace moonbase::dynamodb {

void load(Registrar& registrar, const std::shared_ptr<Service>& service, const Sources& sources) {
  registrar.model(sources.model);
  registrar.schema(sources.schema);
  using Run = Result<Value> (*)(Service&, Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"BatchGetItem", batch_get_item},
      {"BatchWriteItem", batch_write_item},
      {"CreateTable", create_table},
      {"DeleteItem", delete_item},
      {"DeleteTable", delete_table},
      {"DescribeTable", describe_table},
      {"GetItem", get_item},
      {"ListTables", list_tables},
      {"PutItem", put_item},
      {"Query", query},
      {"Scan", scan},
      {"TransactGetItems", transact_get_items},
      {"TransactWriteItems", transact_write_items},
      {"UpdateItem", update_item},
      {"UpdateTable", update_table},
  };
  for (const auto& [name, run] : operations)
    registrar.operation(name, [service, run = run](Call& call) { return run(*service, call); });
  registrar.task("dynamodb-clear", clear_space);
  registrar.task("dynamodb-backfill", [service](TaskRun& run) { return backfill_index(*service, run); });
  registrar.on_reset([service](std::string_view account_id) { service->tables.clear(account_id); });
}

}  // namespace moonbase::dynamodb
