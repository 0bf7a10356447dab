# frozen_string_literal: true

require_relative "webhooks"

$stdin.each_line do |line|
  key, now, *named, body = line.chomp.split(" ", -1).map { |each| each == "-" ? nil : each.unpack1("m0") }
  headers = %w[webhook-id webhook-timestamp webhook-signature].zip(named).reject { |_, text| text.nil? }.to_h
  Webhooks.verify(key, headers, body, now: now.to_i)
  puts "ours"
rescue Webhooks::NotOurs
  puts "refused"
end
