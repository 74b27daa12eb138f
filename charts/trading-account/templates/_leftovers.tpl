{{/* What earlier versions of the release made and this one no longer names. Empty where no cluster can be asked. */}}
{{- define "trading-account.leftovers" -}}
{{- $sealed := dict }}
{{- $commands := list }}
{{- range $side := list "live" "demo" }}
{{- $namespace := include "trading-account.namespace" (dict "chart" $ "side" $side) }}
{{- $_ := set $sealed $namespace true }}
{{- if and (not (index $.Values $side).enabled) (lookup "v1" "Namespace" "" $namespace) }}
{{- $commands = append $commands (printf "kubectl annotate namespace %s triptych.trading/decommission=%s" $namespace $.Values.account) }}
{{- $commands = append $commands (printf "kubectl delete namespace %s" $namespace) }}
{{- end }}
{{- end }}
{{- range (lookup "rbac.authorization.k8s.io/v1" "RoleBinding" "" "").items }}
{{- $labels := .metadata.labels | default dict }}
{{- $namespace := .metadata.namespace }}
{{- if and (eq (get $labels "triptych.trading/account") $.Values.account) (not (hasKey $sealed $namespace)) }}
{{- $side := index $.Values (get $labels "triptych.trading/side") }}
{{- if not (and $side.enabled (has $namespace $.Values.allowedNamespaces)) }}
{{- $commands = append $commands (printf "kubectl --namespace %s delete rolebinding,role %s" $namespace .metadata.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $commands }}

  Left over from before. Nothing of it is used any more. A namespace takes its journal with it; delete when you are sure:
{{ range . }}
     {{ . }}
{{- end }}
{{- end }}
{{- end }}
