{{/* The policies that make the seal come first: without them the names and labels below mean nothing. */}}
{{- define "trading-account.requirePolicies" -}}
{{- $policy := "triptych-sealed-namespaces" }}
{{- $install := "Install or upgrade the chart triptych first (docs/installing.md), and check with `kubectl get validatingadmissionpolicies,validatingadmissionpolicybindings`" }}
{{- if not (lookup "admissionregistration.k8s.io/v1" "ValidatingAdmissionPolicy" "" $policy) }}
{{- fail (printf "the ValidatingAdmissionPolicy %s is not in this cluster: without it nothing seals the namespaces of an account. %s" $policy $install) }}
{{- end }}
{{- $denying := list }}
{{- range (lookup "admissionregistration.k8s.io/v1" "ValidatingAdmissionPolicyBinding" "" "").items }}
{{- if and (eq .spec.policyName $policy) (has "Deny" .spec.validationActions) }}
{{- $denying = append $denying .metadata.name }}
{{- end }}
{{- end }}
{{- if not $denying }}
{{- fail (printf "no ValidatingAdmissionPolicyBinding makes the policy %s deny: it only warns, or is not bound, and seals nothing. %s" $policy $install) }}
{{- end }}
{{- if not (.Capabilities.APIVersions.Has "triptych.trading/v1alpha1/TradingAccount") }}
{{- fail (printf "this cluster does not know the kind TradingAccount of triptych.trading/v1alpha1. %s" $install) }}
{{- end }}
{{- end }}

{{/* Helm would find out halfway. */}}
{{- define "trading-account.requireNamespaces" -}}
{{- range .Values.allowedNamespaces }}
{{- if not (lookup "v1" "Namespace" "" .) }}
{{- fail (printf "allowedNamespaces names %s, which does not exist: create it first, with `kubectl create namespace %s`, or take it off the list" . .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A release stays with its account: under another name everything would be made anew beside what runs. */}}
{{- define "trading-account.refuseAnotherAccount" -}}
{{- range (lookup "triptych.trading/v1alpha1" "TradingAccount" "" "").items }}
{{- $annotations := .metadata.annotations | default dict }}
{{- $mine := and (eq (get $annotations "meta.helm.sh/release-name") $.Release.Name) (eq (get $annotations "meta.helm.sh/release-namespace") $.Release.Namespace) }}
{{- if and $mine (ne .metadata.name $.Values.account) }}
{{- fail (printf "account is %s, but the release %s belongs to account %s, and an account cannot be renamed. Install %s as a release of its own" $.Values.account $.Release.Name .metadata.name $.Values.account) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A side goes only when its trader is gone. */}}
{{- define "trading-account.refuseUnsealing" -}}
{{- range $side := list "live" "demo" }}
{{- if not (index $.Values $side).enabled }}
{{- $namespace := include "trading-account.namespace" (dict "chart" $ "side" $side) }}
{{- with or (lookup "v1" "Pod" $namespace "trader-0") (lookup "apps/v1" "StatefulSet" $namespace "trader") }}
{{- $labels := .metadata.labels | default dict }}
{{- $delete := printf "kubectl --namespace %s delete tradinginstance %s" (get $labels "triptych.trading/instance-namespace" | default "<namespace>") (get $labels "triptych.trading/instance" | default "<name>") }}
{{- fail (printf "%s.enabled is false, but %s %s is in namespace %s. Delete its TradingInstance first (`%s`), wait until the pod is gone (`kubectl --namespace %s wait --for=delete pod/trader-0 --timeout=5m`), then try again" $side .kind .metadata.name $namespace $delete $namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A namespace leaves the list only when no trader of the account listens there: it would never hear of a halt. */}}
{{- define "trading-account.refuseDeafening" -}}
{{- $before := lookup "triptych.trading/v1alpha1" "TradingAccount" "" .Values.account }}
{{- if $before }}
{{- range $namespace := $before.spec.allowedNamespaces }}
{{- if not (has $namespace $.Values.allowedNamespaces) }}
{{- range (lookup "triptych.trading/v1alpha1" "TradingInstance" $namespace "").items }}
{{- if eq (.spec.account | default "") $.Values.account }}
{{- fail (printf "allowedNamespaces no longer names %s, where the TradingInstance %s still uses this account. Delete it first (`kubectl --namespace %s delete tradinginstance %s`), then try again" $namespace .metadata.name $namespace .metadata.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
