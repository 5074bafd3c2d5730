#include "sns/service.hpp"

#include <moonbase/hash.hpp>
#include <utility>

namespace moonbase::notifications::sns {

TopicLocks::Held::Held(TopicLocks& locks, std::string topic_arn) : locks_(locks), topic_arn_(std::move(topic_arn)) {
  std::shared_ptr<Place> place;
  while (true) {
    std::uint64_t seen;
    {
      const std::lock_guard lock(locks_.mutex_);
      auto& found = locks_.places_[topic_arn_];
      if (!found) found = std::make_shared<Place>();
      if (!found->busy) {
        found->busy = true;
        return;
      }
      place = found;
      seen = place->freed.version();
    }
    place->freed.wait(seen, Time{INT64_MAX});
  }
}

TopicLocks::Held::~Held() {
  std::shared_ptr<Place> place;
  {
    const std::lock_guard lock(locks_.mutex_);
    const auto found = locks_.places_.find(topic_arn_);
    place = found->second;
    place->busy = false;
    // Who still waits finds the topic without a place, and makes one.
    locks_.places_.erase(found);
  }
  place->freed.notify();
}

void load(Registrar& registrar, const std::shared_ptr<Service>& service, const Sources& sources) {
  sources.register_with(registrar);
  constexpr NamedOperation<Service> operations[] = {
      {"AddPermission", add_permission},
      {"CheckIfPhoneNumberIsOptedOut", check_if_phone_number_is_opted_out},
      {"ConfirmSubscription", confirm_subscription},
      {"CreatePlatformApplication", create_platform_application},
      {"CreatePlatformEndpoint", create_platform_endpoint},
      {"CreateSMSSandboxPhoneNumber", create_sms_sandbox_phone_number},
      {"CreateTopic", create_topic},
      {"DeleteEndpoint", delete_endpoint},
      {"DeletePlatformApplication", delete_platform_application},
      {"DeleteSMSSandboxPhoneNumber", delete_sms_sandbox_phone_number},
      {"DeleteTopic", delete_topic},
      {"GetEndpointAttributes", get_endpoint_attributes},
      {"GetPlatformApplicationAttributes", get_platform_application_attributes},
      {"GetSMSAttributes", get_sms_attributes},
      {"GetSMSSandboxAccountStatus", get_sms_sandbox_account_status},
      {"GetSubscriptionAttributes", get_subscription_attributes},
      {"GetTopicAttributes", get_topic_attributes},
      {"ListEndpointsByPlatformApplication", list_endpoints_by_platform_application},
      {"ListOriginationNumbers", list_origination_numbers},
      {"ListPhoneNumbersOptedOut", list_phone_numbers_opted_out},
      {"ListPlatformApplications", list_platform_applications},
      {"ListSMSSandboxPhoneNumbers", list_sms_sandbox_phone_numbers},
      {"ListSubscriptions", list_subscriptions},
      {"ListSubscriptionsByTopic", list_subscriptions_by_topic},
      {"ListTagsForResource", list_tags_for_resource},
      {"ListTopics", list_topics},
      {"OptInPhoneNumber", opt_in_phone_number},
      {"Publish", publish},
      {"PublishBatch", publish_batch},
      {"RemovePermission", remove_permission},
      {"SetEndpointAttributes", set_endpoint_attributes},
      {"SetPlatformApplicationAttributes", set_platform_application_attributes},
      {"SetSMSAttributes", set_sms_attributes},
      {"SetSubscriptionAttributes", set_subscription_attributes},
      {"SetTopicAttributes", set_topic_attributes},
      {"Subscribe", subscribe},
      {"TagResource", tag_resource},
      {"Unsubscribe", unsubscribe},
      {"UntagResource", untag_resource},
      {"VerifySMSSandboxPhoneNumber", verify_sms_sandbox_phone_number},
  };
  register_operations(registrar, operations, service);

  using RunTask = Result<Done> (*)(TaskRun&, Service&);
  constexpr std::pair<std::string_view, RunTask> tasks[] = {
      {fanout_task, run_fanout}, {delivery_task, run_delivery}, {confirmation_task, run_confirmation},
      {fifo_task, run_fifo},     {backlog_task, run_backlog},   {replay_task, run_replay}};
  for (const auto& [name, run] : tasks)
    registrar.task(name, [service, run = run](TaskRun& task) { return run(task, *service); });
  registrar.target("sns", deliver_to_topic);
  registrar.http({{}, {"/_aws/sns/", "/SimpleNotificationService-"}},
                 [service](HttpCall& call) { return serve(*service, call); });
  registrar.on_reset([service](std::string_view) { service->signing.clear(); });
}

std::optional<std::string> page_begin(const Value& token) {
  if (token.is_null() || token.string().empty()) return std::string();
  auto decoded = from_base64(token.string());
  if (!decoded || decoded->empty()) return std::nullopt;
  return decoded;
}

std::string page_token(std::string_view last) { return base64(last); }

}  // namespace moonbase::notifications::sns
