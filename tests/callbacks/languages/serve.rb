# frozen_string_literal: true

# As little of a web server as a Rack application needs: Ruby's own library has none.
require "socket"
require "stringio"
require_relative "receiver"

server = TCPServer.new("127.0.0.1", Integer(ENV.fetch("PORT")))
loop do
  Thread.new(server.accept) do |client|
    client.gets
    headers = {}
    while (line = client.gets.chomp) != ""
      name, value = line.split(": ", 2)
      headers["HTTP_#{name.upcase.tr("-", "_")}"] = value
    end
    body = client.read(headers.fetch("HTTP_CONTENT_LENGTH", "0").to_i)
    status, = Receiver.call(headers.merge("rack.input" => StringIO.new(body.to_s)))
    client.write("HTTP/1.1 #{status} Said\r\nConnection: close\r\n\r\n")
    client.close
  end
end
