# The daemon on ECS Fargate. Its configuration is in the image (README.md); replicas share the work by the queues alone.

locals {
  serve        = var.image != null
  metrics_port = 9464 # as EXPOSEd by the image and written by outputs.tf
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/tidegate/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_security_group" "tasks" {
  name        = "${var.name}-tasks"
  description = "Tidegate tasks: out to AWS endpoints, in for metrics only"
  vpc_id      = var.network.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.tasks.id
  description       = "AWS endpoints"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "scrape" {
  for_each                     = var.network.scrape_security_group_ids
  security_group_id            = aws_security_group.tasks.id
  description                  = "Prometheus reads /metrics"
  ip_protocol                  = "tcp"
  from_port                    = local.metrics_port
  to_port                      = local.metrics_port
  referenced_security_group_id = each.value
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.autoscaling == null ? "disabled" : "enabled" # autoscaling divides by its count of running tasks
  }
}

resource "aws_ecs_task_definition" "this" {
  count                    = local.serve ? 1 : 0
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.task.cpu
  memory                   = var.task.memory
  task_role_arn            = aws_iam_role.daemon.arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.task.architecture
  }

  container_definitions = jsonencode([
    {
      name                   = "tidegate"
      image                  = var.image
      essential              = true
      readonlyRootFilesystem = true # the daemon keeps nothing on disk
      stopTimeout            = 30   # above the daemon's own shutdown_grace of 25 s
      linuxParameters        = { initProcessEnabled = true }
      portMappings           = [{ containerPort = local.metrics_port, protocol = "tcp" }]
      environment = [
        for name, value in merge({ AWS_REGION = local.region }, var.task.environment) : { name = name, value = value }
      ]
      healthCheck = {
        # The image has no HTTP client; bash speaks enough of it.
        command = [
          "CMD", "/bin/bash", "-c",
          "exec 3<>/dev/tcp/127.0.0.1/${local.metrics_port} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r -t 4 _ status _ <&3 && [ \"$status\" = 200 ]",
        ]
        interval    = 15
        timeout     = 5
        retries     = 4
        startPeriod = 30
      }
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.this.name
          awslogs-region        = local.region
          awslogs-stream-prefix = "task"
        }
      }
    }
  ])
}

resource "aws_ecs_service" "this" {
  count           = local.serve ? 1 : 0
  name            = var.name
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this[0].arn
  launch_type     = "FARGATE"
  desired_count   = var.desired_count
  propagate_tags  = "SERVICE"

  # A new task works beside the old one until that is drained: two loaders never meet, since SQS gives a pipeline's loads to one.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = var.network.assign_public_ip
  }

  lifecycle {
    ignore_changes = [desired_count] # autoscaling's, or an operator's
  }

  # Without them the first task would be refused by every service.
  depends_on = [aws_iam_role_policy.daemon, aws_iam_role_policy.execution]
}

# --- autoscaling by the backlog of events ---------------------------------------------------------------------------

resource "aws_appautoscaling_target" "this" {
  count              = local.serve && var.autoscaling != null ? 1 : 0
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[0].name}"
  min_capacity       = var.autoscaling.min_tasks
  max_capacity       = var.autoscaling.max_tasks
}

resource "aws_appautoscaling_policy" "backlog" {
  count              = local.serve && var.autoscaling != null ? 1 : 0
  name               = "${var.name}-backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.autoscaling.backlog_per_task
    scale_out_cooldown = 60
    scale_in_cooldown  = 300 # a stopping task releases what it holds: rather later than too often

    customized_metric_specification {
      metrics {
        id          = "backlog"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"

            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.events.name
            }
          }
        }
      }

      metrics {
        id          = "tasks"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"

            dimensions {
              name  = "ClusterName"
              value = aws_ecs_cluster.this.name
            }

            dimensions {
              name  = "ServiceName"
              value = aws_ecs_service.this[0].name
            }
          }
        }
      }

      metrics {
        id          = "backlog_per_task"
        label       = "Visible events for each running task"
        expression  = "backlog / IF(tasks > 0, tasks, 1)"
        return_data = true
      }
    }
  }
}
