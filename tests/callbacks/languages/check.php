<?php

declare(strict_types=1);

require __DIR__ . '/webhooks.php';

while (($line = fgets(STDIN)) !== false) {
    [$key, $now, $id, $timestamp, $signature, $body] = array_map(
        static fn (string $each): ?string => $each === '-' ? null : base64_decode($each, true),
        explode(' ', trim($line, "\n")),
    );
    $named = ['webhook-id' => $id, 'webhook-timestamp' => $timestamp, 'webhook-signature' => $signature];
    try {
        verify($key, array_filter($named, static fn (?string $text): bool => $text !== null), $body, (int) $now);
        echo "ours\n";
    } catch (NotOurs) {
        echo "refused\n";
    }
}
