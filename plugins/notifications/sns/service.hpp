// SNS: what its operations share, and the operations.
#pragma once

#include <map>
#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <string>
#include <vector>

#include "registration.hpp"
#include "sns/message.hpp"
#include "sns/signing.hpp"
#include "sns/subscription.hpp"
#include "sns/topic.hpp"

namespace moonbase::notifications::sns {

// One fiber at a time a FIFO topic: its messages are handed on in order.
class TopicLocks {
 public:
  class Held {
   public:
    Held(TopicLocks& locks, std::string topic_arn);  // Suspends the fiber until it is its turn.
    ~Held();
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    TopicLocks& locks_;
    std::string topic_arn_;
  };

 private:
  struct Place {
    bool busy = false;
    Signal freed;
  };
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Place>> places_;
};

// One per plugin; lives as long as it. Any fiber may use it.
struct Service {
  explicit Service(KernelServices& plugin_kernel) : kernel(plugin_kernel) {}
  KernelServices& kernel;
  Signing signing;
  TopicLocks locks;
};

void load(Registrar& registrar, const std::shared_ptr<Service>& service, const Sources& sources);

// --- operations, in model order; one file a resource ------------------------------------------------
Result<Value> add_permission(Call& call, Service& service);
Result<Value> check_if_phone_number_is_opted_out(Call& call, Service& service);
Result<Value> confirm_subscription(Call& call, Service& service);
Result<Value> create_platform_application(Call& call, Service& service);
Result<Value> create_platform_endpoint(Call& call, Service& service);
Result<Value> create_sms_sandbox_phone_number(Call& call, Service& service);
Result<Value> create_topic(Call& call, Service& service);
Result<Value> delete_endpoint(Call& call, Service& service);
Result<Value> delete_platform_application(Call& call, Service& service);
Result<Value> delete_sms_sandbox_phone_number(Call& call, Service& service);
Result<Value> delete_topic(Call& call, Service& service);
Result<Value> get_endpoint_attributes(Call& call, Service& service);
Result<Value> get_platform_application_attributes(Call& call, Service& service);
Result<Value> get_sms_attributes(Call& call, Service& service);
Result<Value> get_sms_sandbox_account_status(Call& call, Service& service);
Result<Value> get_subscription_attributes(Call& call, Service& service);
Result<Value> get_topic_attributes(Call& call, Service& service);
Result<Value> list_endpoints_by_platform_application(Call& call, Service& service);
Result<Value> list_origination_numbers(Call& call, Service& service);
Result<Value> list_phone_numbers_opted_out(Call& call, Service& service);
Result<Value> list_platform_applications(Call& call, Service& service);
Result<Value> list_sms_sandbox_phone_numbers(Call& call, Service& service);
Result<Value> list_subscriptions(Call& call, Service& service);
Result<Value> list_subscriptions_by_topic(Call& call, Service& service);
Result<Value> list_tags_for_resource(Call& call, Service& service);
Result<Value> list_topics(Call& call, Service& service);
Result<Value> opt_in_phone_number(Call& call, Service& service);
Result<Value> publish(Call& call, Service& service);
Result<Value> publish_batch(Call& call, Service& service);
Result<Value> remove_permission(Call& call, Service& service);
Result<Value> set_endpoint_attributes(Call& call, Service& service);
Result<Value> set_platform_application_attributes(Call& call, Service& service);
Result<Value> set_sms_attributes(Call& call, Service& service);
Result<Value> set_subscription_attributes(Call& call, Service& service);
Result<Value> set_topic_attributes(Call& call, Service& service);
Result<Value> subscribe(Call& call, Service& service);
Result<Value> tag_resource(Call& call, Service& service);
Result<Value> unsubscribe(Call& call, Service& service);
Result<Value> untag_resource(Call& call, Service& service);
Result<Value> verify_sms_sandbox_phone_number(Call& call, Service& service);

// --- tasks -------------------------------------------------------------------------------------------
inline constexpr std::string_view fanout_task = "sns-fanout";      // Messages of a standard topic.
inline constexpr std::string_view delivery_task = "sns-delivery";  // One message to one subscription.
inline constexpr std::string_view confirmation_task = "sns-confirmation";
inline constexpr std::string_view fifo_task = "sns-fifo";        // What a FIFO topic has taken.
inline constexpr std::string_view backlog_task = "sns-backlog";  // What waits for one subscription.
inline constexpr std::string_view replay_task = "sns-replay";
Result<Done> run_fanout(TaskRun& run, Service& service);
Result<Done> run_delivery(TaskRun& run, Service& service);
Result<Done> run_confirmation(TaskRun& run, Service& service);
Result<Done> run_fifo(TaskRun& run, Service& service);
Result<Done> run_backlog(TaskRun& run, Service& service);
Result<Done> run_replay(TaskRun& run, Service& service);

// --- what several files need -------------------------------------------------------------------------
// Puts messages into a topic, in one transaction with what delivers them. A refusal is one message's.
struct Accepted {
  std::string id;
  std::int64_t sequence = 0;
};
Result<Done> accept_message(Transaction& tx, const Topic& topic, Message& message, Time now, Accepted& accepted);
// The task that fans out what accept_message() has accepted.
void schedule_fanout(Transaction& tx, const Topic& topic, const std::vector<Message>& messages, Time now);

// Publishes to a topic on behalf of an event source.
Result<Value> deliver_to_topic(Delivery& delivery);

// A token that a page ends with, and back. Nothing where the token is not one that was given out.
inline constexpr std::int64_t page_size = 100;
std::optional<std::string> page_begin(const Value& token);
std::string page_token(std::string_view last);

// The doors under /_aws/sns/ and the certificates.
HttpResponse serve(Service& service, HttpCall& call);

// Confirms what has this token. Nothing where none has.
std::optional<Subscription> confirm(Transaction& tx, const TopicName& topic, const std::string& token,
                                    bool authenticated);
void remove_subscription(Transaction& tx, const Subscription& subscription);

}  // namespace moonbase::notifications::sns
