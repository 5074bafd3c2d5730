#include "lambda/settings.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::functions {
namespace {

constexpr std::size_t subnets_max = 16, security_groups_max = 5;

Error constraint(const std::string& value, const std::string& member, const std::string& rule) {
  return {
      "ValidationException",
      "1 validation error detected: Value '" + value + "' at '" + member + "' failed to satisfy constraint: " + rule,
      {{"Type", "User"}},
      400};
}

std::size_t size_of(const Value& list) { return list.is_list() ? list.list().size() : 0; }

Result<Done> change_vpc(const Value& vpc, Function& function) {
  if (vpc.is_null()) return done;
  const auto subnets = size_of(vpc["SubnetIds"]), groups = size_of(vpc["SecurityGroupIds"]);
  if ((subnets == 0) != (groups == 0))
    return invalid_parameter(
        "You must specify both SubnetIds and SecurityGroupIds to connect a function to a VPC, or neither.");
  if (subnets > subnets_max)
    return constraint(to_json(vpc["SubnetIds"]), "vpcConfig.subnetIds",
                      "Member must have length less than or equal to 16");
  if (groups > security_groups_max)
    return constraint(to_json(vpc["SecurityGroupIds"]), "vpcConfig.securityGroupIds",
                      "Member must have length less than or equal to 5");
  if (subnets == 0) {
    function.settings.erase("VpcConfig");
    return done;
  }
  for (const auto& [member, prefix, kind] :
       {std::tuple{"SubnetIds", "subnet-", "subnet ID"}, std::tuple{"SecurityGroupIds", "sg-", "security group ID"}})
    for (const auto& id : vpc[member].list())
      if (!id.string().starts_with(prefix))
        return invalid_parameter("Error occurred while creating a function's network interface. The " +
                                 std::string(kind) + " '" + id.string() + "' is not valid.");
  function.settings.set("VpcConfig", Map{{"SubnetIds", vpc["SubnetIds"]},
                                         {"SecurityGroupIds", vpc["SecurityGroupIds"]},
                                         {"Ipv6AllowedForDualStack", vpc["Ipv6AllowedForDualStack"].boolean_or(false)},
                                         {"VpcId", ""}});
  return done;
}

Result<Done> change_dead_letters(const Value& config, Function& function) {
  if (config.is_null()) return done;
  const auto arn = config["TargetArn"].string_or("");
  if (arn.empty()) {
    function.settings.erase("DeadLetterConfig");
    return done;
  }
  if (!arn.starts_with("arn:"))
    return constraint(arn, "deadLetterConfig.targetArn",
                      "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()");
  if (arn.find(":sqs:") == arn.npos && arn.find(":sns:") == arn.npos)
    return invalid_parameter("The provided DeadLetterConfig TargetArn " + arn +
                             " is invalid: it must name an SQS queue or an SNS topic.");
  if (arn.ends_with(".fifo"))
    return invalid_parameter("The provided DeadLetterConfig TargetArn " + arn +
                             " is invalid: FIFO queues and topics are not supported.");
  function.settings.set("DeadLetterConfig", Map{{"TargetArn", arn}});
  return done;
}

Result<Done> change_file_systems(const Value& configs, Function& function) {
  if (configs.is_null()) return done;
  if (size_of(configs) == 0) {
    function.settings.erase("FileSystemConfigs");
    return done;
  }
  if (size_of(configs) > 1)
    return constraint(to_json(configs), "fileSystemConfigs", "Member must have length less than or equal to 1");
  const auto arn = configs[0]["Arn"].string_or(""), path = configs[0]["LocalMountPath"].string_or("");
  if (arn.find(":access-point/") == arn.npos)
    return constraint(arn, "fileSystemConfigs.1.member.arn",
                      "Member must be the ARN of an elastic file system's access point");
  if (!path.starts_with("/mnt/") || path.size() < 6 || path.size() > 160)
    return constraint(path, "fileSystemConfigs.1.member.localMountPath",
                      "Member must satisfy regular expression pattern: ^/mnt/[a-zA-Z0-9-_.]+$");
  if (!function.settings.contains("VpcConfig"))
    return invalid_parameter("Function must be configured to execute in a VPC to reference access point " + arn + ".");
  function.settings.set("FileSystemConfigs", configs);
  return done;
}

Result<Done> change_logging(const Value& config, Function& function) {
  if (config.is_null()) return done;
  const auto format = config["LogFormat"].string_or(function.settings_text("LoggingConfig", "LogFormat", "Text"));
  const bool levels = !config["ApplicationLogLevel"].is_null() || !config["SystemLogLevel"].is_null();
  if (levels && format != "JSON")
    return invalid_parameter("To use ApplicationLogLevel or SystemLogLevel, you must set LogFormat to JSON.");
  Map logging{{"LogFormat", format}};
  const auto known = [&](const char* member, const char* otherwise) {
    return config[member].string_or(function.settings_text("LoggingConfig", member, otherwise));
  };
  if (format == "JSON") {
    logging.set("ApplicationLogLevel", known("ApplicationLogLevel", "INFO"));
    logging.set("SystemLogLevel", known("SystemLogLevel", "INFO"));
  }
  logging.set("LogGroup", config["LogGroup"].string_or(function.log_group()));
  function.settings.set("LoggingConfig", std::move(logging));
  return done;
}

}  // namespace

Result<Done> change_architectures(const Value& architectures, Function& function) {
  if (size_of(architectures) == 0) return done;
  const auto& name = architectures[0].string();
  if (name != "x86_64" && name != "arm64")
    return constraint("[" + name + "]", "architectures",
                      "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member "
                      "must not be null]");
  function.settings.set("Architectures", architectures);
  return done;
}

Result<Done> change_settings(const Call& call, Function& function) {
  const auto& input = call.input;
  const auto operation = "lambda " + std::string(call.operation) + " ";
  for (const char* parameter :
       {"ImageConfig", "CodeSigningConfigArn", "CapacityProviderConfig", "DurableConfig", "TenancyConfig", "PublishTo"})
    if (!is_empty(input[parameter])) return not_implemented(operation + parameter);
  if (input["PackageType"].string_or("Zip") != "Zip") return not_implemented(operation + "PackageType Image");
  if (auto changed = change_architectures(input["Architectures"], function); !changed) return changed;
  if (auto changed = change_vpc(input["VpcConfig"], function); !changed) return changed;
  if (auto changed = change_file_systems(input["FileSystemConfigs"], function); !changed) return changed;
  if (auto changed = change_dead_letters(input["DeadLetterConfig"], function); !changed) return changed;
  if (auto changed = change_logging(input["LoggingConfig"], function); !changed) return changed;
  if (input["TracingConfig"]["Mode"].is_string())
    function.settings.set("TracingConfig", Map{{"Mode", input["TracingConfig"]["Mode"]}});
  if (input["EphemeralStorage"]["Size"].is_integer())
    function.settings.set("EphemeralStorage", Map{{"Size", input["EphemeralStorage"]["Size"]}});
  if (input["SnapStart"]["ApplyOn"].is_string())
    function.settings.set("SnapStart", Map{{"ApplyOn", input["SnapStart"]["ApplyOn"]}, {"OptimizationStatus", "Off"}});
  if (!input["KMSKeyArn"].is_null()) {
    if (is_empty(input["KMSKeyArn"]))
      function.settings.erase("KMSKeyArn");
    else
      function.settings.set("KMSKeyArn", input["KMSKeyArn"]);
  }
  return done;
}

Result<Done> check_tags(const Map& tags) {
  constexpr std::size_t tags_max = 50, key_max = 128, value_max = 256;
  if (tags.size() > tags_max) return invalid_parameter("Number of tags exceeds resource tag limit.");
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > key_max) return invalid_parameter("A tag's key has 1 to 128 characters.");
    if (key.starts_with("aws:")) return invalid_parameter("System tags cannot be added or changed: " + key);
    if (value.string_or("").size() > value_max) return invalid_parameter("A tag's value has at most 256 characters.");
  }
  return done;
}

Result<Done> check_code_parameters(const Call& call, const Value& code, const std::string& prefix) {
  for (const char* parameter : {"ImageUri", "SourceKMSKeyArn", "S3ObjectStorageMode"})
    if (!is_empty(code[parameter]))
      return not_implemented("lambda " + std::string(call.operation) + " " + prefix + parameter);
  return done;
}

}  // namespace moonbase::functions
